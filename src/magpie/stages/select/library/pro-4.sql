-- Magpie-Pro, Filter4 (Table 5 of arXiv 2406.08464): 300,000 rows, the longest responses. tau2 = 0.
SELECT row FROM rows
WHERE input_quality >= 'good'
  AND difficulty >= 'easy'
  AND NOT is_repeat
  AND reward_difference > 0
ORDER BY length(response) DESC, row
LIMIT 300000
