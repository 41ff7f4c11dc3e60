"""Makes Neutron's tables from its models: its migrations are written for other databases than SQLite.

usage: neutron_tables.py URL
"""

import sys

from neutron.db.migration.models import head
import sqlalchemy

head.get_metadata().create_all(sqlalchemy.create_engine(sys.argv[1]))
