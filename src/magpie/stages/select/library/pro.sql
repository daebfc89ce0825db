-- Magpie-Pro, Filter (Table 5 of arXiv 2406.08464): 300,000 rows, the longest responses.
-- tau1 = -12, on the scale of FsfairX-LLaMA3-RM-v0.1: another reward model needs another threshold.
SELECT row FROM rows
WHERE input_quality >= 'average'
  AND NOT is_repeat
  AND instruct_reward > -12
ORDER BY length(response) DESC, row
LIMIT 300000
