"""The jobs and works tables, the queue that carries ids of works, and the runner of them."""
