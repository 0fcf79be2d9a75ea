"""The HTTP API.  The only home of fastapi and uvicorn, which are dear to import: nothing but ``tollbook serve`` does."""
