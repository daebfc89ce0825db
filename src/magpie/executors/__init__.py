"""Who works on which shard, and when."""
