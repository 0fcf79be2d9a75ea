"""Messages to other systems as signed calls over HTTP."""
