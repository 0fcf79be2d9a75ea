"""Reading what others deliver: files to rows, rows to values, values to the books; what is wrong becomes findings."""
