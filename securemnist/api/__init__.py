"""The functions behind `import securemnist`: for notebooks and programs, and for the command line."""
