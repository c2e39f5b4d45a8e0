"""Files that people in a laboratory write and read: campaigns, plates, past results, reports. Imports `study`."""
