def run(m): pass
