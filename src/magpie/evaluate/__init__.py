"""What a model is worth: answers compared, graded or checked, and the statistics of judgments, also of published ones.

`judgments` and `files` read judgments; `metrics`, one file each, are NumPy alone; `running` makes a run whose stages
answer and judge, through executors.
"""
