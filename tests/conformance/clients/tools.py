"""The official Python SDK, from the first 401 to the tools it is shown.

    tools.py <URL of the MCP endpoint> legacy|auto <a tool with two numbers>

It prints {"authorize": <address to open>} for whoever plays the browser, then {"tools": [names], "sum": <what the tool says
of 40 and 2>}; the sum is null when the tool is refused.
"""

import asyncio
import sys

import httpx2
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from python import application, tell


async def main(url: str, mode: str, tool: str) -> None:
    _, _, provider = await application(url, mode)
    async with httpx2.AsyncClient(auth=provider, timeout=httpx2.Timeout(30, read=300)) as http:
        async with Client(streamable_http_client(url, http_client=http), mode=mode) as client:
            tools = [tool.name for tool in (await client.list_tools()).tools]
            try:
                answer = await client.call_tool(tool, {"a": 40, "b": 2})
                total = None if answer.is_error else answer.content[0].text
            except MCPError:
                total = None
            tell(tools=tools, sum=total)


asyncio.run(main(*sys.argv[1:]))
