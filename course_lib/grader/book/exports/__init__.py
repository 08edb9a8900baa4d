"""A gradebook in the forms that other systems read, and their lists of students."""
