// Package odata reads the query options of Microsoft Graph requests and applies them to JSON objects.
// Owns: $filter's grammar and evaluation, $orderby, $select, $search terms. Limits of single services are the services' business.
// Imports: the standard library.
package odata
