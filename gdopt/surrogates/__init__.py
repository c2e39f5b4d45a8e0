"""Models of outcomes, fitted to tensors: Gaussian processes of numbers, categories, molecules, sequences;
classifiers."""
