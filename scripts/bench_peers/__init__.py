"""What scripts/bench-peers is made of: a lab of namespaces, the peers in it, what is measured, and the report."""
