//! URL readers: the outside world, behind an allow-list.
