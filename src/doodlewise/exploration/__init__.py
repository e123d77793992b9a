"""What is in a store: numbers (`gather`), pictures (`plots`) and one page (`report`)."""
