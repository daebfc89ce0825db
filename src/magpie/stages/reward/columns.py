"""Columns that the stage `reward` may write."""

from magpie.columns import Column

INSTRUCT_REWARD = Column(
    "instruct_reward", "double", "the reward of the conversation; of several responses, the highest"
)
BASE_REWARD = Column("base_reward", "double", "the reward of the unaligned model's response")
REWARD_DIFFERENCE = Column("reward_difference", "double", "the reward of the (first) response minus base_reward")
RESPONSE_REWARDS = Column("response_rewards", "list<double>", "the reward of each of `responses`, in their order")

COLUMNS = (
    INSTRUCT_REWARD,
    BASE_REWARD,
    REWARD_DIFFERENCE,
    RESPONSE_REWARDS,
)
