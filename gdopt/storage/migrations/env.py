"""Alembic runs this: the versions, on the connection that `gdopt.storage.migrations.upgrade` was given."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])


context.run_migrations()
