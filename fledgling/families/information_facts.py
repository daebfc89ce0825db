"""What the information families know: countries, words, animals, works, landmarks. Knows no phrasing."""

# country -> (capital, what most people there speak)
COUNTRIES = {
    "France": ("Paris", "French"), "Germany": ("Berlin", "German"), "Italy": ("Rome", "Italian"),
    "Spain": ("Madrid", "Spanish"), "Portugal": ("Lisbon", "Portuguese"), "Japan": ("Tokyo", "Japanese"),
    "China": ("Beijing", "Chinese"), "Egypt": ("Cairo", "Arabic"), "Greece": ("Athens", "Greek"),
    "Norway": ("Oslo", "Norwegian"), "Sweden": ("Stockholm", "Swedish"), "Denmark": ("Copenhagen", "Danish"),
    "Finland": ("Helsinki", "Finnish"), "Poland": ("Warsaw", "Polish"), "Austria": ("Vienna", "German"),
    "Hungary": ("Budapest", "Hungarian"), "Ireland": ("Dublin", "English"), "Mexico": ("Mexico City", "Spanish"),
    "Brazil": ("Brasilia", "Portuguese"), "Argentina": ("Buenos Aires", "Spanish"), "Chile": ("Santiago", "Spanish"),
    "Peru": ("Lima", "Spanish"), "Cuba": ("Havana", "Spanish"), "Thailand": ("Bangkok", "Thai"),
    "Vietnam": ("Hanoi", "Vietnamese"), "Morocco": ("Rabat", "Arabic"), "Turkey": ("Ankara", "Turkish"),
    "Iceland": ("Reykjavik", "Icelandic"), "Australia": ("Canberra", "English"), "Iran": ("Tehran", "Persian"),
    "Russia": ("Moscow", "Russian"), "Ukraine": ("Kyiv", "Ukrainian"), "Canada": ("Ottawa", "English"),
}  # fmt: skip

# word -> (meaning, one more thing worth knowing)
MEANINGS = {
    "telescope": ("a tool that makes distant things look closer", "Astronomers use it to study the stars."),
    "volcano": ("a mountain that can release lava, ash and gas", "Some volcanoes sleep for hundreds of years."),
    "compass": ("a small device whose needle points north", "Travelers use it to find their way."),
    "glacier": ("a huge mass of ice that moves slowly over land", "It can carve a whole valley."),
    "library": ("a place where people read and borrow books", "Most towns have one."),
    "desert": ("a dry area of land that gets very little rain", "The nights there can be very cold."),
    "thermometer": ("an instrument that measures temperature", "Doctors use it to check for a fever."),
    "island": ("a piece of land with water all around it", "Some islands are as large as a country."),
    "battery": ("a device that stores energy and gives electricity", "There is one inside every phone."),
    "bridge": ("a structure that carries a road over a river", "The first ones were fallen trees."),
    "mammal": ("an animal that feeds its young with milk", "Dogs, whales and people are all mammals."),
    "budget": ("a plan for the money you earn and spend", "It helps you to save."),
    "planet": ("a large round object that travels around a star", "We live on one of them."),
    "fossil": ("what is left of a plant or animal from long ago", "Fossils are found in old rocks."),
    "museum": ("a building where interesting objects are shown", "Many of them are free on Sundays."),
    "microscope": ("an instrument that makes tiny things look larger", "With it you can see single cells."),
    "rainbow": ("an arc of colors that appears in the sky", "You see it when the sun shines through rain."),
    "satellite": ("an object that travels around a planet", "The moon is one of them."),
    "contract": ("an agreement between two or more people", "Both sides usually sign it."),
    "recipe": ("a set of instructions for making a dish", "It also lists what you need."),
    "variable": ("a name in a program that stores a value", "The value can change while the program runs."),
    "harbor": ("a safe place where ships can stop", "Many old cities grew around one."),
    "dictionary": ("a book that explains the meaning of words", "The words are in alphabetical order."),
    "lighthouse": ("a tower with a bright light near the sea", "It warns ships about rocks."),
    "calendar": ("a table of the days and months of a year", "People use it to plan."),
    "passport": ("a document that shows who you are", "You need it to travel abroad."),
    "tornado": ("a very strong wind that spins in a column", "It can lift a car from the ground."),
    "muscle": ("a part of the body that makes movement possible", "The heart is a muscle too."),
    "engine": ("a machine that turns energy into movement", "Cars and airplanes need one."),
    "aquarium": ("a glass tank for fish and water plants", "The largest ones are as big as a house."),
    "magnet": ("a piece of metal that pulls iron toward itself", "The needle of a compass is one."),
    "robot": ("a machine that can do tasks on its own", "Many cars are built by robots."),
    "tunnel": ("a passage under the ground or through a mountain", "Trains often use one."),
    "waterfall": ("a place where a river drops over a steep edge", "You can hear a large one from far away."),
}  # fmt: skip

# animals -> (where they live, what they eat, something about them)
ANIMALS = {
    "lions": ("on the grasslands of Africa", "meat", "sleep up to twenty hours a day"),
    "pandas": ("in the mountain forests of China", "bamboo", "are born no larger than a mouse"),
    "penguins": ("on the cold coasts of the south", "fish", "cannot fly but swim very well"),
    "owls": ("in forests and old barns", "mice", "can turn their heads almost all the way around"),
    "bees": ("in hives", "nectar and pollen", "dance to show each other where flowers are"),
    "whales": ("in all the oceans", "fish and tiny sea animals", "breathe air as we do"),
    "frogs": ("in ponds and wet meadows", "insects", "drink through their skin"),
    "elephants": ("in Africa and Asia", "grass, leaves and fruit", "can remember places for many years"),
    "camels": ("in dry deserts", "dry grass and thorny plants", "can go for days without water"),
    "bats": ("in caves and old roofs", "insects and fruit", "find their way by listening to echoes"),
    "dolphins": ("in warm seas", "fish and squid", "call each other by name"),
    "beavers": ("near rivers and lakes", "bark and leaves", "build dams out of trees"),
    "spiders": ("almost everywhere on land", "insects", "have eight legs"),
    "turtles": ("in seas, rivers and gardens", "plants and small animals", "can live for a hundred years"),
    "parrots": ("in warm forests", "fruit and seeds", "can learn to repeat words"),
    "wolves": ("in the forests of the north", "meat", "live and hunt in packs"),
    "foxes": ("in fields, forests and even cities", "mice, birds and berries", "hunt mostly at night"),
    "giraffes": ("on the grasslands of Africa", "leaves from tall trees", "sleep for only a short time each day"),
    "sharks": ("in all the oceans", "fish and seals", "grow new teeth all their lives"),
    "ants": ("in nests under the ground", "seeds, sugar and insects", "can carry many times their own weight"),
    "zebras": ("on the plains of Africa", "grass", "each have their own pattern of stripes"),
    "tigers": ("in the forests of Asia", "meat", "are good swimmers"),
    "moles": ("in tunnels under meadows", "worms", "can hardly see"),
    "eagles": ("on high cliffs and in tall trees", "fish and small animals", "see much better than people"),
    "rabbits": ("in burrows under fields", "grass and herbs", "have teeth that never stop growing"),
    "otters": ("along rivers and coasts", "fish and crabs", "sometimes hold hands while they sleep"),
    "deer": ("in forests and meadows", "grass, leaves and buds", "have young with white spots on their fur"),
    "storks": ("on roofs and in tall trees", "frogs and insects", "fly to Africa for the winter"),
    "snails": ("in damp gardens and forests", "leaves", "can sleep for many months"),
    "swans": ("on lakes and slow rivers", "water plants", "often stay with one partner for life"),
}  # fmt: skip

# what was done -> who did it
MAKERS = {
    "wrote Hamlet": "William Shakespeare", "wrote Pride and Prejudice": "Jane Austen",
    "wrote Oliver Twist": "Charles Dickens", "wrote War and Peace": "Leo Tolstoy",
    "wrote Don Quixote": "Miguel de Cervantes", "wrote Frankenstein": "Mary Shelley",
    "wrote Moby Dick": "Herman Melville", "wrote Dracula": "Bram Stoker", "wrote The Hobbit": "J. R. R. Tolkien",
    "wrote Animal Farm": "George Orwell", "wrote Jane Eyre": "Charlotte Bronte", "wrote The Odyssey": "Homer",
    "wrote Pinocchio": "Carlo Collodi", "wrote Heidi": "Johanna Spyri", "wrote Faust": "Johann Wolfgang von Goethe",
    "painted the Mona Lisa": "Leonardo da Vinci", "painted The Starry Night": "Vincent van Gogh",
    "painted The Scream": "Edvard Munch", "painted The Night Watch": "Rembrandt", "painted The Kiss": "Gustav Klimt",
    "painted Water Lilies": "Claude Monet", "composed The Four Seasons": "Antonio Vivaldi",
    "composed Swan Lake": "Peter Tchaikovsky", "composed Carmen": "Georges Bizet", "composed Aida": "Giuseppe Verdi",
    "composed Tosca": "Giacomo Puccini", "discovered penicillin": "Alexander Fleming",
    "discovered X-rays": "Wilhelm Roentgen", "invented the telephone": "Alexander Graham Bell",
    "invented dynamite": "Alfred Nobel", "invented the World Wide Web": "Tim Berners-Lee",
    "invented the diesel engine": "Rudolf Diesel",
}  # fmt: skip

# landmark -> where it stands
LANDMARKS = {
    "the Eiffel Tower": "Paris, France", "the Louvre": "Paris, France", "the Colosseum": "Rome, Italy",
    "the Trevi Fountain": "Rome, Italy", "the Leaning Tower": "Pisa, Italy", "the Acropolis": "Athens, Greece",
    "the Brandenburg Gate": "Berlin, Germany", "the Statue of Liberty": "New York, USA",
    "the Golden Gate Bridge": "San Francisco, USA", "the White House": "Washington, USA",
    "the Space Needle": "Seattle, USA", "Big Ben": "London, England", "Tower Bridge": "London, England",
    "Buckingham Palace": "London, England", "the Alhambra": "Granada, Spain", "the Prado": "Madrid, Spain",
    "the Kremlin": "Moscow, Russia", "the Taj Mahal": "Agra, India", "the Forbidden City": "Beijing, China",
    "the Sydney Opera House": "Sydney, Australia", "the Burj Khalifa": "Dubai, United Arab Emirates",
    "the CN Tower": "Toronto, Canada", "the Charles Bridge": "Prague, Czech Republic",
    "the Blue Mosque": "Istanbul, Turkey", "the Hagia Sophia": "Istanbul, Turkey",
    "the Little Mermaid": "Copenhagen, Denmark", "Tivoli Gardens": "Copenhagen, Denmark",
    "the Rialto Bridge": "Venice, Italy", "the Great Sphinx": "Giza, Egypt",
    "Christ the Redeemer": "Rio de Janeiro, Brazil", "Edinburgh Castle": "Edinburgh, Scotland",
    "the Tokyo Skytree": "Tokyo, Japan", "the Spanish Steps": "Rome, Italy",
}  # fmt: skip

# what people need a fact for
OCCASIONS = (
    "my homework", "a school quiz", "a crossword", "a letter to my aunt", "our pub quiz", "a game with friends",
    "my geography test", "a travel blog", "a poster", "a talk at work", "a bet with my brother", "a birthday card",
    "a class project", "my travel diary", "a trivia night", "a short article", "a story I am writing", "a board game",
    "my notes", "a lesson", "a school play", "my book club",
)  # fmt: skip

# to whom a word has to be explained
LISTENERS = (
    "a child", "a beginner", "my grandmother", "my little brother", "a class of ten-year-olds", "a friend",
    "my daughter", "my son", "a visitor", "my neighbor", "a student", "my students", "a new colleague", "my parents",
    "a curious child", "a six-year-old", "my niece", "my nephew", "my roommate", "my uncle",
)  # fmt: skip

# when somebody travels
TIMES = (
    "in January", "in February", "in March", "in April", "in May", "in June", "in July", "in August", "in September",
    "in October", "in November", "in December", "next week", "next month", "next summer", "this weekend", "tomorrow",
    "on Sunday", "next year", "in the spring",
)  # fmt: skip
