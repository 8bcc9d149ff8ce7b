"""Networks, one file each; `(n_epochs, n_features)` or `(B, L, C, T)` in, logits per epoch out."""
