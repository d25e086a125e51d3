// Package mcp is the face for agents: actions of the registry as tools of the Model Context Protocol, over stdio and Streamable HTTP.
// Owns: which tools an agent sees at first, the translation between tool calls and action.Request, and the fence around what comes from
// outside. No table.
// Imports: the hall; the official SDK, which nobody else imports.
//
// A tool that reads answers; a tool that changes something gives a plan. Whatever an agent may not do the corridor refuses it, whichever
// door it takes: this package only translates.
package mcp
