"""Where a study is kept: events, their replay, stores in memory and in SQL. Imports `trials` and `space`."""
