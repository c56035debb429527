"""Rights as values: who somebody is, whose a device is, and who may see it. Pure."""
