"""Which money pays what, as pure functions over payments, open documents and parties.

``writing`` makes names and texts comparable, ``keys`` finds documents by number, ``reading`` finds in a text what it names,
``payers`` says who pays, ``sums`` searches for documents that make up an amount, ``fitting`` compares money with documents,
``looking`` gathers the fits of one payment, ``assigning`` settles what several payments claim.
"""
