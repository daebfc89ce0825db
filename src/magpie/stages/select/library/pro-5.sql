-- Magpie-Pro, Filter5 (Table 5 of arXiv 2406.08464): every row that meets the clauses, 338,000 in the paper.
-- tau1 = -12, on the scale of FsfairX-LLaMA3-RM-v0.1: another reward model needs another threshold.
SELECT row FROM rows
WHERE input_quality >= 'good'
  AND difficulty >= 'easy'
  AND NOT is_repeat
  AND instruct_reward > -12
