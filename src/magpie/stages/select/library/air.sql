-- Magpie-Air, Filter (Table 5 of arXiv 2406.08464): 300,000 rows, the longest responses.
-- tau2 = 0. "Minimum neighbor distance > 0" keeps the earliest of instructions that say the same: NOT is_repeat.
SELECT row FROM rows
WHERE input_quality >= 'good'
  AND difficulty >= 'medium'
  AND NOT is_repeat
  AND reward_difference > 0
ORDER BY length(response) DESC, row
LIMIT 300000
