package core

// Consumer is a row of the table in which After handlers keep their place.
type Consumer = consumer
