"""The results of a run: values, files, comparisons."""
