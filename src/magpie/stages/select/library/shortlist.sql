-- What is worth a response: well put, and not said before. The shortlist of a recipe that says no more.
SELECT row FROM rows
WHERE input_quality >= 'good'
  AND NOT is_repeat
