// Package console is the face for people: server-rendered pages over the same actions that every other face has.
// Owns: the pages, their style, sign-in by link and the session cookie. No table; sessions are kept by access.
// Imports: the hall, m365, fault and clock. Every read and change goes through action.Runner, so a page can do nothing that a role may not.
//
// Pages work without script. Style and words follow one set of tokens (static/console.css); state is icon, word and colour, never colour alone.
package console
