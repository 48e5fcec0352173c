"""User interfaces: command line, web page, HTTP API and MCP server."""
