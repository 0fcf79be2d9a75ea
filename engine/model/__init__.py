"""Frozen nouns, one file a department.  They carry facts and know no behaviour."""
