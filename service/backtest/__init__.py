"""What rules would have cost: recorded readings lived through again, and told in figures."""
