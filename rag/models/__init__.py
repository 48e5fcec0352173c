"""The models on this machine: found, chosen by language, loaded, run in batches."""
