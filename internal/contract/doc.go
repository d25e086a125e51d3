// Package contract holds traffic against Microsoft's own contract: the OpenAPI subset of shared/graph. Tests of the client and of the
// simulator both use it, so that neither is judged by the other.
// Owns: finding the data (SENESCHAL_SHARED, or shared beside the checkout) and the checks of requests and answers.
// Imports: kin-openapi. Only tests import it.
package contract
