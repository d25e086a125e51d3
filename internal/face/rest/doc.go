// Package rest is the face for programs: every action of the registry as an HTTP route below /api/v1, and its OpenAPI document.
// Owns: the translation between HTTP and action.Request, problem details, and the OpenAPI text. No table.
// Imports: the hall and telemetry. There is no route here that is not an action's.
package rest
