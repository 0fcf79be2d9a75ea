"""Tax by Vertex O Series."""
