"""Where models are: which device and precision, what stays on a GPU, what to give up when there is no room."""
