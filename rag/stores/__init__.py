"""One contract, several stores."""
