"""The books on disk: SQLAlchemy Core tables, migrations, bulk writing."""
