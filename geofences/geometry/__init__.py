"""The geometry of geofences: shapes, reading them from GeoJSON, measuring on the ellipsoid, and
finding shapes near a point. Knows no Django.

Edges are straight lines in longitude and latitude, as RFC 7946 has them. Longitudes of one shape
are continuous: across the antimeridian they run on beyond 180. Called by the models, the services
and the GeoJSON import.
"""
