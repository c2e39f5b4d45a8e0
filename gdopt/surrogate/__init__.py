"""What is believed of the objective, and where its gradient comes from: tensors in, tensors out."""
