"""What a data team delivers, read and validated: tables in, linked rows and rejects out."""
