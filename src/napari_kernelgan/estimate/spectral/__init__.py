"""The kernel read from the power spectrum: Gaussian statistics of the log spectra of sharp pictures, learnt once, and Bayes' rule."""
