"""The kernel under which an image's own patches recur across scales: the nonparametric estimate of Michaeli and Irani (ICCV 2013)."""
