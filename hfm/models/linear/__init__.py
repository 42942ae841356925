"""Linear models: scalers, ridge and logistic regression, and the floors made of them."""
