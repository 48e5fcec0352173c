"""The store on an Elasticsearch cluster."""
