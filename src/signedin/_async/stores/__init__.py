"""The stores: the contract on one page, and one file for each engine."""
