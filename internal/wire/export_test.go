package wire

// Budgets counts the budgets that the governor remembers.
func Budgets(g *Governor) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.budgets)
}
