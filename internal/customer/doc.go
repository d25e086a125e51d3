// Package customer knows whom we serve: customers with their e-mail domains, single addresses and tenants, and the technicians who serve
// them. A Book is its answer to the one question engines ask: whose is this address?
//
// Owns: tables customer_*.
// Imports: access, audit and below. Nothing of Microsoft: a domain is a claim made here, by an admin.
package customer
