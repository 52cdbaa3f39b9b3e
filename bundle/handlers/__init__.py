"""Small Ignite handlers that extend MONAI's engines by their named events."""
