// Package fidelity tells where the simulated cloud and a real tenant differ: it has both answer the same harmless reads, compares status,
// headers and shape of the answers, and writes a report that names no person and shows no value.
// Owns: the reads that are compared, what is kept of an answer, the comparison and its report. No table.
// Imports: the dictionary, and wire's record of a request.
package fidelity
