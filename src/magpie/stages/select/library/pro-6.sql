-- Magpie-Pro, Filter6 (Table 5 of arXiv 2406.08464): 200,000 rows, half of them easy and half harder, the longest
-- responses of each. The paper does not say where very easy ones go; here they go out.
-- tau1 = -12, on the scale of FsfairX-LLaMA3-RM-v0.1: another reward model needs another threshold.
-- QUALIFY keeps as many of one half as of the other; ORDER BY takes them by turns, so any limit is half and half.
SELECT row FROM rows
WHERE difficulty >= 'easy'
  AND NOT is_repeat
  AND instruct_reward > -12
QUALIFY row_number() OVER (PARTITION BY difficulty > 'easy' ORDER BY length(response) DESC, row)
  <= least(count_if(difficulty = 'easy') OVER (), count_if(difficulty > 'easy') OVER ())
ORDER BY row_number() OVER (PARTITION BY difficulty > 'easy' ORDER BY length(response) DESC, row),
  length(response) DESC, row
LIMIT 200000
