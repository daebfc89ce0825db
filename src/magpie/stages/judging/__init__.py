"""What stages that ask a judge share: prompts, replies, labels, and how sure a judge is. Knows no stage."""
